"""The CTP interface: structs, constants, methods, callbacks, errors and byte layouts of all described versions.

Nearly everything here is generated from ``schema/`` by ``tools/gen_ctp.py``; ``base``, ``text`` and ``layout`` are
written by hand.
"""
