"""What numba_saxpy.py does, by each of two processes of multiprocessing, which leave by os._exit."""

import multiprocessing
import pathlib
import runpy

PROGRAM = pathlib.Path(__file__).with_name("numba_saxpy.py")


def work():
    runpy.run_path(str(PROGRAM))


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
