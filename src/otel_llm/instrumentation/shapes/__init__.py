"""Wire shapes that several SDKs share, so that siblings need not import each other.

Pure readers: an SDK's arguments or answer in, our types out. They take dicts, pydantic models,
typed dicts and namespaces alike, leave out what they do not understand, and never iterate anything
but lists and tuples: a generator belongs to the caller.
"""
