"""The app wing: instrumentors that run in the user's process.

One file per SDK, each a table of patches and pure readers over ``core``. Importing one loads
neither its SDK nor anything of the collector.
"""
