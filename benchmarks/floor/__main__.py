"""`python -m benchmarks.floor PLAN PORT`: serves the floor as Prumo is served, one process of uvicorn."""

import pickle
import sys
from pathlib import Path

import uvicorn

from benchmarks.floor.app import Plan, create_app
from gateway.serve import UVICORN

plan = pickle.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301 - written by the process that starts this one
assert isinstance(plan, Plan)
uvicorn.run(create_app(plan), port=int(sys.argv[2]), **UVICORN)
