"""Events over NATS JetStream: relays publish from the journal, consumers take in; any number of each, in any order."""
