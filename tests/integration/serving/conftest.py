"""Selection of the serving tests: those that tune a model need the extra 'training'."""

import importlib.util

collect_ignore_glob = ["test_serv*.py"] if importlib.util.find_spec("peft") is None else []
