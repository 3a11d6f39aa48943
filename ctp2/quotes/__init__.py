"""Quotes of Sina (新浪) and Tencent (腾讯) as CTP market data: ``sina://``, ``tencent://``, ``quotes://`` (both).

Public web pages without a contract: no trading, no level 2, snapshots about every three seconds. What each source
carries, what it cannot do, and the rules for codes stand in docs/zh/sina-tencent.md; formats in spec quotes.

Beside the files that every backend has (``config codes translate client backend``, and ``session`` for one client):
``sources`` has one file per web source with its URL and its parser; ``symbols`` reads InstrumentIDs, a subject of its
own because the sources have no list of instruments; ``numbers`` and ``translate_*`` are the layouts, too many for
one file; ``tracks`` is what is known of one instrument. The polling, a subject of its own too, is ``hub`` (which
poller), ``poller`` (one host), ``batches``, ``trouble``, ``freshness``, ``hours``, ``push`` and ``limits``. All that
waits runs on one event loop (``client``). ``mdapi`` is a face on which ``tcp://`` means these sources.
"""
