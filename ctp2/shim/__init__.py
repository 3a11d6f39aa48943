"""Native libraries with the binary interface of a CTP library, one pair for each revision: thin clients of a front."""
