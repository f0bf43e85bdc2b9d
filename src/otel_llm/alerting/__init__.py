"""Rules over calls, the life of alerts, and whom to tell.

Knows the calls as ``genai.Call`` and holds no message content. ``AlertService`` is the whole;
``RuleEngine`` evaluates, ``Dispatcher`` decides what is news, ``Delivery`` gets it to one target.
"""

from .alert import Alert
from .config import AlertingConfig
from .engine import RuleEngine
from .rule import Rule
from .service import AlertService

__all__ = ["Alert", "AlertService", "AlertingConfig", "Rule", "RuleEngine"]
