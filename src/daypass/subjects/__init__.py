"""The facts about a workload; token formats and subject grammars, as data. Pure."""
