"""What ``/metrics`` shows and what is sent as our own telemetry: a file for each part measured."""
