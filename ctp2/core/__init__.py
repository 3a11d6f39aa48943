"""What every backend shares: the contract, sessions, flows, throttling, callback threads, clocks, errors."""
