"""How long, and at least how long: pure arithmetic on the graph of one run.

`order` a topological order or the circle that forbids one · `levels` priorities, critical path, slack ·
`bounds` what no schedule can beat · `estimates` lengths learned from earlier runs · `hops` the path that a
finished run really took · `timing` the figures shown for it.

Steps are dense indices 0..n-1. `deps[i]` are the steps that `i` waits for, `outs[i]` those that wait for `i`;
the two are each other's inverse. Weights are seconds, finite and not negative.
"""
