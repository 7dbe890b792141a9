"""Messages, by the names and rules that bocpy 0.14 documents."""

import threading

from bocpy import TIMEOUT, drain, receive, send, set_tags


def refused(call, *args):
    try:
        call(*args)
    except Exception as error:
        print(f"{call.__name__}{args}: {type(error).__name__}")


def echo():
    while True:
        _, request = receive("request")
        if request is None:
            return
        send("answer", (request, request * 2))


def main():
    for number in range(3):
        send("numbers", number)
    print("in order:", [receive("numbers") for _ in range(3)])
    print("nothing:", receive("numbers", 0) == (TIMEOUT, None))
    print("nothing soon:", receive(["numbers", "others"], 0.01) == (TIMEOUT, None))
    print("instead:", receive("numbers", 0, lambda: "instead"))
    send("others", {"key": ("a", 1.5, None)})
    print("one of several:", receive(("numbers", "others")))

    thread = threading.Thread(target=echo)
    thread.start()
    for request in ("ab", 21):
        send("request", request)
        print("answer:", receive("answer"))
    send("request", None)
    thread.join()

    for tag in ("numbers", "others"):
        send(tag, "dropped")
    drain(["numbers", "others"])
    print("drained:", receive(["numbers", "others"], 0) == (TIMEOUT, None))

    set_tags(["left", "right"])
    send("right", 1)
    set_tags(["left", "right"])
    print("cleared:", receive(["left", "right"], 0) == (TIMEOUT, None))
    refused(send, "another", 1)
    refused(set_tags, [str(number) for number in range(17)])
    refused(receive, [], 0)
    refused(receive, ["left", 5], 0)
    refused(send, 5, 1)
    set_tags([])
    for number in range(16):
        send(f"tag{number}", number)
    refused(send, "another", 1)
    print("sixteen:", sum(receive(f"tag{number}", 0)[1] for number in range(16)))


if __name__ == "__main__":
    main()
