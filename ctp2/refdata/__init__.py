"""What can be traded, when, and at which rates: facts as package data, read lazily. Standard library only.

``models`` records · ``loader`` the ``Universe`` · ``listing`` everything that is listed on a day · ``userfiles`` a
user's own instruments and rates · ``instruments`` any code · ``products`` futures products and option classes ·
``contracts`` codes and expiry · ``changes`` dated differences · ``options`` · ``combinations`` · ``securities``
mainland · ``overseas`` Hong Kong and US · ``cme`` · ``codes`` which kind a code is · ``rates`` margin and fees ·
``calendar`` trading days · ``sessions`` phases of a day · ``limits`` daily price limits · ``ticks`` recorded days
(``tickfile`` one file) · ``table`` reading the files.
"""
