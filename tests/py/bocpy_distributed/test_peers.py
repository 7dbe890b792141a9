"""The registry of executors: one that is made while the connection closes is ended."""

import threading
from types import SimpleNamespace

from bocpy.distributed._peers import Peers

ROUNDS = 200
EACH = 50


def peer(number):
    return SimpleNamespace(number=number, alive=True, ended=0)


def test_every_executor_is_ended_once_whoever_comes_first():
    for _ in range(ROUNDS):
        peers = Peers()
        made = [peer(number) for number in range(EACH)]
        started = threading.Event()

        def look(peers=peers, made=made, started=started):
            for one in made:
                started.set()
                if not peers.add(one):
                    one.ended += 1

        finder = threading.Thread(target=look)
        finder.start()
        started.wait()
        for one in peers.close():
            one.ended += 1
        finder.join()
        assert [one.ended for one in made] == [1] * EACH


def test_a_walk_sees_the_executors_of_its_beginning():
    peers = Peers()
    for number in range(3):
        assert peers.add(peer(number))
    seen = []
    for one in peers:
        seen.append(one.number)
        peers.add(peer(one.number + 10))
    assert seen == [0, 1, 2]


def test_a_lost_executor_is_reported_once_and_not_ended():
    peers = Peers()
    one, other = peer(1), peer(2)
    peers.add(one)
    peers.add(other)
    assert peers.lost(one)
    assert not peers.lost(one)
    assert peers.close() == [other]
    assert peers.close() == []
    assert not peers.lost(other)


def test_an_unknown_number_has_no_executor():
    assert Peers().get(7) is None
