"""Serve recommendations over HTTP, with a web page to look around.

    python examples/serve.py --demo                                    made-up data
    python examples/serve.py model.zip --titles titles.json          a model that was saved with save_model

Then open http://127.0.0.1:8000. To update the model, save the new one to the same file. Requires
`pip install ".[serve]"` in a clone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from recommendation_service.app import create_app
from recommendation_service.loaded_model import LoadedModel
from recommendation_service.made_up import save_made_up_model
from recommendation_service.model_store import ModelStore

from sklearn_recsketch.inspection import sketchfab_thumbnails


def sketchfab_picture(item: Any) -> bytes | None:
    """Return the thumbnail of a model on Sketchfab. The page itself does not load anything from Sketchfab.

    If the thumbnail is not in the cache on disk, the request occupies a thread until Sketchfab has answered. For a
    public site, fill the cache beforehand, or store the pictures elsewhere.
    """
    picture = sketchfab_thumbnails([item], embed=True, timeout=5)[item]
    return picture if isinstance(picture, bytes) else None


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", help="file that save_model wrote")
    parser.add_argument("--titles", type=Path, help="JSON file that maps item ids to titles")
    parser.add_argument("--demo", action="store_true", help="fit a model on made-up data, and serve it")
    parser.add_argument("--thumbnails", action="store_true", help="show Sketchfab's thumbnails; item ids are its uids")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 accepts requests from other machines")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--threads", type=int, default=4, help="number of requests computed at the same time")
    parser.add_argument("--check-every", type=float, default=1.0, help="seconds between looks at the model file")
    parser.add_argument("--mmap-mode", choices=["r"], help="map the arrays of the model file into memory")
    arguments = parser.parse_args()
    if arguments.demo == (arguments.model is not None):
        parser.error("pass either a model file or --demo")
    return arguments


def main() -> None:
    arguments = read_arguments()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.demo:
            arguments.model, arguments.titles = save_made_up_model(Path(folder))
        load = partial(LoadedModel.from_files, arguments.model, arguments.titles, arguments.mmap_mode)
        try:
            store = ModelStore(arguments.model, load, arguments.check_every)
        except (OSError, TypeError, ValueError) as error:  # no such file, a model without embeddings, a damaged file
            print("serve.py: error:", *str(error).split(), file=sys.stderr)
            sys.exit(2)
        app = create_app(store, sketchfab_picture if arguments.thumbnails else None, arguments.threads)
        # SIGTERM and Ctrl-C stop the server: it answers the requests that it has accepted, for up to ten seconds.
        uvicorn.run(app, host=arguments.host, port=arguments.port, access_log=False, timeout_graceful_shutdown=10)


if __name__ == "__main__":
    main()
