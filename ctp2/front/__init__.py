"""The server and its remote client: CTP structs over TCP, between a front and any number of programs.

``wire`` and ``dialect`` are the protocol (docs/protocol.md), ``backend`` the remote client behind ``tcp://`` and
``ssl://``, ``server`` and ``connection`` the fronts.
"""
