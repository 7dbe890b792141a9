/* A pipeline in C++: each stage is a cown, an item goes from stage to stage by being
 * moved from one body into the next one's capture.
 *
 * Different items are in different stages at the same time; within a stage they keep
 * their order. The last stage is pinned to a lane: its bodies run on the main thread,
 * which may print, draw, or do whatever only that thread may.
 *
 *   c++ -std=c++17 pipeline.cpp $(pkg-config --cflags --libs boc) -o pipeline
 */
#include <boc/boc.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

constexpr std::size_t items = 2000, bytes = 1024;
constexpr std::size_t in_flight = 64; // between the first stage and the last

struct item {
  std::size_t number = 0;
  std::string text;
};
using owned = std::unique_ptr<item>;

struct stage {
  std::size_t items = 0, bytes = 0; // that have left here
  std::size_t disorder = 0;         // items that came before their turn
  bool elsewhere = false;           // whether one came on another thread

  void note(const item &it) {
    disorder += it.number != items++;
    bytes += it.text.size();
  }
};

struct pipeline {
  boc::cown<stage> generate = boc::make_cown<stage>();
  boc::cown<stage> compress = boc::make_cown<stage>();
  boc::cown<stage> write = boc::make_cown<stage>();
};

// Each run of equal bytes becomes its length and the byte.
static std::string compress_runs(const std::string &text) {
  std::string out;
  for (std::size_t i = 0, run; i < text.size(); i += run) {
    const auto end = text.find_first_not_of(text[i], i);
    run = std::min<std::size_t>((end == text.npos ? text.size() : end) - i, 255);
    out += {static_cast<char>(run), text[i]};
  }
  return out;
}

static void write_out(const pipeline &line, owned it, std::thread::id main) {
  boc::when(line.write) << [it = std::move(it), main](stage &here) {
    here.note(*it);
    here.elsewhere |= std::this_thread::get_id() != main;
    if (it->number % 500 == 0)
      std::cout << "item " << it->number << ": " << bytes << " bytes are "
                << it->text.size() << "\n";
  };
}

static void feed(boc::runtime &runtime, const pipeline &line, std::size_t number) {
  const auto main = std::this_thread::get_id();
  auto fresh = std::make_unique<item>(item{number, {}});
  runtime.when(line.generate) <<
      [line, main, it = std::move(fresh)](stage &first) mutable {
        for (std::size_t i = 0; i < bytes; i++)
          it->text += static_cast<char>(i / (1 + it->number % 50));
        first.note(*it);
        boc::when(line.compress)
            << [line, main, it = std::move(it)](stage &second) mutable {
                 it->text = compress_runs(it->text);
                 second.note(*it);
                 write_out(line, std::move(it), main);
               };
      };
}

int main() {
  boc::lane screen;
  boc::runtime runtime;
  pipeline line;
  line.write.pin(screen);

  for (std::size_t fed = 0, written = 0; written < items; written += screen.pump()) {
    while (fed < items && fed - written < in_flight)
      feed(runtime, line, fed++);
    screen.wait();
  }

  bool right = false;
  runtime.when(boc::read(line.generate), boc::read(line.compress),
               boc::read(line.write))
      << [&right](const stage &first, const stage &second, const stage &last) {
           right = !last.elsewhere && first.bytes == items * bytes;
           for (const stage *each : {&first, &second, &last})
             right = right && each->items == items && each->disorder == 0;
         };
  screen.wait();
  screen.pump();
  return right ? 0 : 1;
}
