/* A server of key-value pairs: sockets in epoll, beside a lane.
 *
 * One thread has the sockets. A line that a client sends ("set KEY VALUE", "get KEY")
 * becomes a behavior over the cown of the key's shard, which a worker runs. Requests
 * for different shards run in parallel, those for one shard in the order in which they
 * came. The answer is a behavior over the connection, a cown that is pinned to the
 * lane: it runs on the thread that has the sockets. The lane's descriptor is one more
 * in epoll.
 *
 * The order of a connection's answers is that of its requests only within a shard, so
 * each request has a number, and the answer repeats it.
 *
 *   cc server.c $(pkg-config --cflags --libs boc) -o server
 *   ./server 7000                 serves 127.0.0.1:7000 until it is ended
 *   printf '1 set a 5\n2 get a\n' | nc 127.0.0.1 7000
 *   ./server                      serves clients of its own, and checks their answers
 */
#define _GNU_SOURCE
#include <boc/boc.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHARDS 16
#define KEYS 64 /* of a shard */
#define WORD 32 /* bytes of a key or value, with its end */
#define LINE 256
#define CLIENTS 8
#define REQUESTS 200 /* of each client that the program starts itself */

/* ---- what is stored -------------------------------------------------------------- */

typedef struct pair {
  char key[WORD], value[WORD];
} pair;

typedef struct shard {
  pair pairs[KEYS];
  unsigned count;
} shard;

/* A connection: only the thread with the sockets touches it. */
typedef struct connection {
  int socket;
  size_t length;
  char line[LINE]; /* the part of the next line that has arrived */
} connection;

typedef struct server {
  boc_runtime *runtime;
  boc_lane *lane;
  boc_cown *shards[SHARDS];
  int poll, listener;
  unsigned open, closed; /* connections */
  unsigned leave_after;  /* so many connections; 0: never */
} server;

static const boc_cown_type shard_type = {.name = "shard",
                                         .payload_size = sizeof(shard)};
static const boc_cown_type connection_type = {.name = "connection",
                                              .payload_size = sizeof(connection)};

static void check(boc_status status, const char *what) {
  if (status == BOC_OK)
    return;
  fprintf(stderr, "server: %s: %s\n", what, boc_status_text(status));
  exit(EXIT_FAILURE);
}

static void check_system(int result, const char *what) {
  if (result >= 0)
    return;
  perror(what);
  exit(EXIT_FAILURE);
}

/* ---- answers: on the thread with the sockets ------------------------------------- */

typedef struct answer {
  char text[LINE];
} answer;

static void send_answer(boc_behavior *self, void *env) {
  const connection *to = boc_cown_payload(boc_behavior_cown(self, 0));
  const answer *what = env;
  if (to->socket >= 0 &&
      send(to->socket, what->text, strlen(what->text), MSG_NOSIGNAL) < 0)
    perror("send");
}

static const boc_behavior_type answer_type = {.name = "answer", .body = send_answer};

/* ---- requests: on workers -------------------------------------------------------- */

typedef struct request {
  server *owner;
  boc_cown *connection; /* held */
  unsigned long number;
  int sets;
  char key[WORD], value[WORD];
} request;

static pair *find(shard *among, const char *key) {
  for (unsigned i = 0; i < among->count; i++)
    if (strcmp(among->pairs[i].key, key) == 0)
      return &among->pairs[i];
  return NULL;
}

static const char *serve(shard *from, const request *what) {
  pair *found = find(from, what->key);
  if (!what->sets)
    return found ? found->value : "none";
  if (!found && from->count == KEYS)
    return "full";
  if (!found)
    found = &from->pairs[from->count++];
  memcpy(found->key, what->key, WORD);
  memcpy(found->value, what->value, WORD);
  return "ok";
}

static void run_request(boc_behavior *self, void *env) {
  const request *what = env;
  const char *text = serve(boc_cown_payload(boc_behavior_cown(self, 0)), what);
  const boc_access access = {what->connection, BOC_WRITE};
  boc_behavior *behavior;
  check(boc_behavior_new(what->owner->runtime, &answer_type, sizeof(answer), &access, 1,
                         &behavior),
        "answer");
  answer *reply = boc_behavior_env(behavior);
  snprintf(reply->text, sizeof reply->text, "%lu %s\n", what->number, text);
  boc_behavior_schedule(behavior);
}

static void drop_request(void *env) { boc_cown_drop(((request *)env)->connection); }

static const boc_behavior_type request_type = {
    .name = "request", .body = run_request, .drop = drop_request};

static unsigned shard_of(const char *key) {
  unsigned hash = 2166136261u;
  for (; *key; key++)
    hash = (hash ^ (unsigned char)*key) * 16777619u;
  return hash % SHARDS;
}

static void take_line(server *self, boc_cown *from, const char *line) {
  request what = {.owner = self};
  char verb[4];
  const int words =
      sscanf(line, "%lu %3s %31s %31s", &what.number, verb, what.key, what.value);
  what.sets = words == 4 && strcmp(verb, "set") == 0;
  if (!what.sets && !(words == 3 && strcmp(verb, "get") == 0)) {
    fprintf(stderr, "server: not understood: %s\n", line);
    return;
  }
  const boc_access access = {self->shards[shard_of(what.key)], BOC_WRITE};
  boc_behavior *behavior;
  check(boc_behavior_new(self->runtime, &request_type, sizeof what, &access, 1,
                         &behavior),
        "request");
  what.connection = boc_cown_hold(from);
  *(request *)boc_behavior_env(behavior) = what;
  boc_behavior_schedule(behavior);
}

/* ---- sockets --------------------------------------------------------------------- */

/* The loop looks at a connection outside of behaviors: behaviors over it run on this
 * thread, so none is running now. */
static connection *contents(boc_cown *of) { return boc_cown_payload(of); }

static void watch(server *self, int descriptor, void *tag) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
  check_system(epoll_ctl(self->poll, EPOLL_CTL_ADD, descriptor, &event), "epoll_ctl");
}

static void accept_one(server *self) {
  boc_cown *cown;
  const int socket = accept(self->listener, NULL, NULL);
  check_system(socket, "accept");
  check(boc_cown_new(&connection_type, &cown), "connection");
  check(boc_cown_pin(cown, self->lane), "pin");
  contents(cown)->socket = socket;
  self->open++;
  watch(self, socket, cown);
}

static void close_one(server *self, boc_cown *cown) {
  close(contents(cown)->socket);
  contents(cown)->socket = -1; /* answers that are under way are dropped */
  boc_cown_drop(cown);
  self->open--;
  self->closed++;
}

static void take_lines(server *self, boc_cown *cown) {
  connection *from = contents(cown);
  char *begin = from->line, *end;
  while ((end = memchr(begin, '\n', from->length - (size_t)(begin - from->line)))) {
    *end = '\0';
    take_line(self, cown, begin);
    begin = end + 1;
  }
  from->length -= (size_t)(begin - from->line);
  memmove(from->line, begin, from->length);
}

static void read_some(server *self, boc_cown *cown) {
  connection *from = contents(cown);
  const ssize_t got =
      recv(from->socket, from->line + from->length, LINE - from->length, 0);
  if (got <= 0) {
    close_one(self, cown);
    return;
  }
  from->length += (size_t)got;
  take_lines(self, cown);
  if (from->length == LINE) /* a line that long is no request */
    close_one(self, cown);
}

static void run(server *self) {
  int descriptor;
  check(boc_lane_descriptor(self->lane, &descriptor), "descriptor");
  watch(self, descriptor, self->lane);
  watch(self, self->listener, NULL);
  while (!self->leave_after || self->closed < self->leave_after) {
    struct epoll_event events[16];
    const int count = epoll_wait(self->poll, events, 16, -1);
    if (count < 0 && errno != EINTR)
      check_system(count, "epoll_wait");
    for (int i = 0; i < count; i++) {
      if (!events[i].data.ptr) {
        accept_one(self);
      } else if (events[i].data.ptr == self->lane) {
        /* A millisecond at most, so that the sockets need not wait. */
        const boc_status status = boc_lane_pump(self->lane, 1000000, SIZE_MAX, NULL);
        check(status == BOC_TIMEOUT ? BOC_OK : status, "pump");
      } else {
        read_some(self, events[i].data.ptr);
      }
    }
  }
}

static int listen_on(unsigned short port, unsigned short *out_port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  socklen_t size = sizeof address;
  const int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  check_system(listener, "socket");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  check_system(bind(listener, (struct sockaddr *)&address, sizeof address), "bind");
  check_system(listen(listener, 64), "listen");
  check_system(getsockname(listener, (struct sockaddr *)&address, &size),
               "getsockname");
  *out_port = ntohs(address.sin_port);
  return listener;
}

/* ---- clients, for the check ------------------------------------------------------ */

typedef struct client {
  pthread_t thread;
  unsigned index;
  unsigned short port;
  unsigned right; /* how many answers were as expected */
} client;

static FILE *connect_to(unsigned short port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  check_system(descriptor, "socket");
  check_system(connect(descriptor, (struct sockaddr *)&address, sizeof address),
               "connect");
  return fdopen(descriptor, "r+");
}

/* Sets a key of its own and reads it back: both go to one shard, in that order. */
static void *run_client(void *arg) {
  client *self = arg;
  FILE *stream = connect_to(self->port);
  for (unsigned i = 0; i < REQUESTS; i++) {
    unsigned long number;
    unsigned value;
    char line[LINE];
    fprintf(stream, "%u set key%u %u\n%u get key%u\n", 2 * i, self->index, i, 2 * i + 1,
            self->index);
    fflush(stream);
    if (fgets(line, LINE, stream) && strstr(line, " ok") && fgets(line, LINE, stream) &&
        sscanf(line, "%lu %u", &number, &value) == 2)
      self->right += number == 2 * i + 1 && value == i;
    fseek(stream, 0, SEEK_CUR); /* from reading to writing */
  }
  fclose(stream);
  return NULL;
}

static unsigned serve_own_clients(server *self, unsigned short port) {
  client clients[CLIENTS];
  unsigned right = 0;
  for (unsigned i = 0; i < CLIENTS; i++) {
    clients[i] = (client){.index = i, .port = port};
    if (pthread_create(&clients[i].thread, NULL, run_client, &clients[i]) != 0)
      exit(EXIT_FAILURE);
  }
  self->leave_after = CLIENTS;
  run(self);
  for (unsigned i = 0; i < CLIENTS; i++) {
    pthread_join(clients[i].thread, NULL);
    right += clients[i].right;
  }
  return right;
}

int main(int argc, char **argv) {
  server self = {0};
  unsigned short port;
  self.listener = listen_on((unsigned short)(argc > 1 ? atoi(argv[1]) : 0), &port);
  self.poll = epoll_create1(EPOLL_CLOEXEC);
  check_system(self.poll, "epoll_create1");
  check(boc_runtime_new(NULL, &self.runtime), "start");
  check(boc_lane_new(NULL, &self.lane), "lane");
  for (int i = 0; i < SHARDS; i++)
    check(boc_cown_new(&shard_type, &self.shards[i]), "shard");

  int code = EXIT_SUCCESS;
  if (argc > 1) {
    run(&self);
  } else {
    const unsigned right = serve_own_clients(&self, port);
    printf("%u of %u answers as they should be\n", right, CLIENTS * REQUESTS);
    code = right == CLIENTS * REQUESTS ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  /* answers to closed connections may still be on their way */
  while (boc_runtime_quiesce(self.runtime, 1000000) == BOC_TIMEOUT)
    boc_lane_pump(self.lane, 0, SIZE_MAX, NULL);
  boc_runtime_free(self.runtime);
  for (int i = 0; i < SHARDS; i++)
    boc_cown_drop(self.shards[i]);
  boc_lane_free(self.lane);
  close(self.poll);
  close(self.listener);
  return code;
}
