"""The import layer: programs that were written for Caffe2 find its modules, and get taskplan.

``python -m taskplan.caffe2 script.py`` runs such a program as it is. Or, in a program of one's own::

    import taskplan.caffe2

    taskplan.caffe2.install()

    from caffe2.python import core, workspace
    from caffe2.python.net_builder import ops
    from caffe2.python.session import LocalSession
    from caffe2.python.task import Task, TaskGroup

The classes and functions are taskplan's own, so both ways of importing may be mixed. Two things are as Caffe2 has them:
what is wrong with an operator's blobs or arguments is said when its net is made or run, and not on the line that adds
it; and all nodes of a `LocalSession` share one workspace.
"""

from taskplan.caffe2.finder import install, uninstall

__all__ = ["install", "uninstall"]
