"""Seeded chance without state: a draw depends only on the seed and on what is drawn for.

The generator is SplitMix64. Because nothing is remembered between draws, a recovered counter needs no generator state
and a replay with the same seed makes the same partial fills, on every Python version.
"""

from __future__ import annotations

from typing import Final

_MASK: Final = (1 << 64) - 1


def mixed(value: int) -> int:
    """64 bits that look random, the same for the same value."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def partial_volume(seed: int, order_id: int, traded: int, volume: int) -> int:
    """How many of ``volume`` lots fill: everything, or (half of the time) a random part of 1 … volume-1.

    ``traded`` (what the order traded before) tells its passes apart. Spec ctp-semantics 3.10 (market making).
    """
    if volume <= 1:
        return volume
    value = mixed(mixed(mixed(seed & _MASK) ^ order_id) ^ traded)
    if value & 1:
        return volume
    return 1 + (value >> 1) % (volume - 1)
