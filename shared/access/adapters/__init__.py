"""The front door's rows, keys and files, and the one fetch that it makes: a client's public keys."""
