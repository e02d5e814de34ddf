"""A data platform a team can hold in its hand: one declared asset graph, sync to served table."""
