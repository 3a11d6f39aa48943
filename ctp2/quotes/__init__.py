"""Quotes of Sina and Tencent as CTP market data."""
