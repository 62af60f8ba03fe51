"""Offline pictures: of a graph before a run, of a run that has ended. They need no network and run no script.

`diagram` what of a graph is drawn (`parts`, `needed`, `bundles`, `critical`, `facts`) · `layout` where it stands
(`nesting`, `layers`, `crossings`, `coordinates`, `relaxed`, `rows`) · `picture`, `mermaid`, `dot` the same diagram in
three languages · `data` the whole graph for programs · `timeline` a finished run on a time axis · `notebook` how
notebooks show them.
"""
