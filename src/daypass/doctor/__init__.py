"""The doctor: probes gather facts about an issuer, a token, a role; checks judge them; the engine answers as STS.

`examine` asks the outside world and gives `Facts`; `judge` is pure, so that facts that were saved can be judged again
anywhere. A check is an entry of `checks`, with a stable code, why AWS cares, and the remedy.
"""
