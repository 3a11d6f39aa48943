"""Interactive Brokers as CTP: ``ib://HOST:PORT`` is TWS or IB Gateway, through ``ib_async`` (or ``ib_insync``).

What it can and cannot do, and the settings of TWS that it needs, stand in docs/zh/ib.md; the rules in spec ib.

Beside the files that every backend has (``config codes translate client backend``, ``session`` for one client):
``records`` is what comes from TWS in plain words and ``link`` the seam that tells it, so that the parts below know
neither library nor wire; ``parts`` says what a part is. ``links`` and ``pacing`` keep the connections, ``store`` what
must outlive the process. The subjects: contracts (``symbols contracts instruments hours``), orders (``entry orders
identity reconcile``), money (``positions account offsets``), market data (``market depth``). ``tdapi`` and ``mdapi``
are faces on which ``tcp://`` means TWS. All of it runs on one loop (docs/decisions/0188).
"""
