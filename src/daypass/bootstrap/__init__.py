"""The composition root: the only place that joins ports to what implements them, and the only one with a clock."""
