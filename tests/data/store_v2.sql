-- The store as schema version 2 made it. Version 1 is the same without the table of scores.
CREATE TABLE calls (trace_id VARCHAR NOT NULL, span_id VARCHAR NOT NULL, parent_id VARCHAR, name
VARCHAR NOT NULL, start_ns BIGINT NOT NULL, end_ns BIGINT NOT NULL, service VARCHAR, environment
VARCHAR, operation VARCHAR, provider VARCHAR, request_model VARCHAR, response_model VARCHAR,
response_id VARCHAR, error_type VARCHAR, conversation_id VARCHAR, user_id VARCHAR, feature
VARCHAR, team VARCHAR, agent_name VARCHAR, tool_name VARCHAR, workflow_name VARCHAR, prompt_name
VARCHAR, prompt_version VARCHAR, server_address VARCHAR, finish_reasons VARCHAR[], flags
VARCHAR[], streamed BOOLEAN, output_chars BIGINT, tags MAP(VARCHAR, VARCHAR), model VARCHAR,
tokens BIGINT, billed BOOLEAN NOT NULL, unpriced BOOLEAN NOT NULL, time_to_first_chunk_s DOUBLE,
reported_cost DOUBLE, usage_input_tokens BIGINT, usage_output_tokens BIGINT, usage_cache_read
BIGINT, usage_cache_write BIGINT, usage_cache_write_5m BIGINT, usage_cache_write_1h BIGINT,
usage_reasoning BIGINT, usage_text_input BIGINT, usage_audio_input BIGINT, usage_image_input
BIGINT, usage_text_output BIGINT, usage_audio_output BIGINT, usage_image_output BIGINT,
usage_text_cache_read BIGINT, usage_audio_cache_read BIGINT, usage_image_cache_read BIGINT,
cost_total DOUBLE, cost_input DOUBLE, cost_output DOUBLE, cost_cache_read DOUBLE, cost_cache_write
DOUBLE, cost_currency VARCHAR, cost_source VARCHAR, duration_ms DOUBLE, cost_usd DOUBLE);
CREATE TABLE scores ( id VARCHAR NOT NULL, trace_id VARCHAR NOT NULL, span_id VARCHAR, name
VARCHAR NOT NULL, value DOUBLE NOT NULL, source VARCHAR NOT NULL, at_ns BIGINT NOT NULL, rater
VARCHAR, comment VARCHAR);
CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO schema_version VALUES (2);
