"""The exchange: another platform's token in, one of ours out (RFC 8693, RFC 7523)."""
