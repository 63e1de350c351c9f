"""llama.cpp's own server, as the Python package xllamacpp carries it: python3 serve-gguf.py FILE.gguf PORT KEY"""

import sys
import threading

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.hostnames = ["127.0.0.1"]
params.port = int(sys.argv[2])
params.endpoint_props = True
params.api_keys = [sys.argv[3]]
params.n_parallel = 2
params.n_ctx = 2048
params.cpuparams.n_threads = 2

server = xllamacpp.Server(params)
print("listening", flush=True)
threading.Event().wait()
