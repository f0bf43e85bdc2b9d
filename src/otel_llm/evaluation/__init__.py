"""How good are the answers? Models as judges, suites of questions, and what they cost.

* ``endpoint``   any OpenAI-compatible server: chat and embeddings, with what was used
* ``paid``       an endpoint with a daily cap, whose calls are traced
* ``judge``      criteria from 1 to 10, a fact to compare with, two answers against each other
* ``live``       judges a sample of the calls that pass by, off the hot path
* ``suite``      questions with what is expected of the answers, as YAML
* ``runner``     asks a target the questions of a suite; ``report`` tells how it went
* ``otlp``       results as events, and our own calls as spans

A result that could not be had is no score: nothing here makes one up. Needs the extra
``collector``. Feedback of people comes over the API and never mixes with what is judged here.
"""

from .config import EvaluationConfig
from .result import Result, Subject

__all__ = ["EvaluationConfig", "Result", "Subject"]
