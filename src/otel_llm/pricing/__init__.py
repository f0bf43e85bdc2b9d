"""What a call costs: (provider, model, usage, when, tier) -> ``Bill``, or why there is none.

Pure: no network, no clock, nothing global. List prices come from the ``genai-prices`` package;
the operator's own prices and discounts go before them. An unknown price is ``Unpriced`` with its
reason, never zero; zero is only what a table, the operator or a local model server says is free.

* ``book``    the price book: quotes with a cache, and bills
* ``card``    the rates of one model on one day under one tier, and what a call costs by them
* ``rates``   rates per token, and what tokens cost by them
* ``tokens``  usage split into buckets that do not overlap
* ``listed``  list prices, from the library's snapshot
* ``supplements``  what makers' price pages say and that does not
* ``custom``  the operator's own prices
* ``names``   providers and models as senders spell them
* ``local``   model servers that charge nothing
* ``second``  another price list: to compare with, and for what the first one lacks

For people: ``lookup`` (show, search, explain), ``reconcile`` (our sums against the provider's,
which ``exports`` reads) and
``reprice`` (what past calls cost by another book).
"""

from .book import PriceBook
from .card import Bill, Card, Unpriced
from .custom import CustomPrice
from .listed import PriceList
from .rates import Parts

__all__ = ["Bill", "Card", "CustomPrice", "Parts", "PriceBook", "PriceList", "Unpriced"]
