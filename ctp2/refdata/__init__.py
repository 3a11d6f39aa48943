"""What can be traded, when, and at which rates: facts as package data, read lazily. Standard library only.

``models`` records · ``products`` futures products · ``contracts`` codes and expiry · ``instruments`` all kinds ·
``rates`` margin and fees · ``loader`` the ``Universe`` · ``calendar`` trading days · ``sessions`` phases of a day ·
``limits`` daily price limits · ``ticks`` recorded days (``tickfile`` one file) · ``table`` reading the files.
"""
