"""AWS trust policies: document, conditions, evaluation, explanation. Pure."""
