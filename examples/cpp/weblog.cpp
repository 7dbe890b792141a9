/* A web-log counter in C++: how often each status and host occurs in some log files.
 *
 * A block of lines is a cown. One behavior parses it, then others read it side by side
 * and add to the tables: one for statuses, several for hosts. All are scheduled at once
 * and take their turns by themselves.
 *
 *   c++ -std=c++17 weblog.cpp $(pkg-config --cflags --libs boc) -o weblog
 *   ./weblog /var/log/apache2/access.log*     or, with a log of its own: ./weblog
 */
#include <boc/boc.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

constexpr std::size_t lines_in_block = 1000, tables = 8;
constexpr unsigned sample_lines = 50000, sample_hosts = 500;
constexpr const char *sample = "weblog-sample-cpp.log";

struct hit {
  std::string_view host; // a piece of the block's line
  int status;
};

struct block {
  std::vector<std::string> lines;
  std::vector<hit> hits;

  // HOST ... "REQUEST" STATUS ...; other lines do not count.
  void parse() {
    for (std::string_view line : lines) {
      const auto space = line.find(' '), quote = line.rfind('"');
      if (quote == line.npos || space > quote || line.size() < quote + 5)
        continue;
      const auto status = line.substr(quote + 2, 3);
      if (status.find_first_not_of("0123456789") == status.npos)
        hits.push_back({line.substr(0, space), std::stoi(std::string(status))});
    }
  }
};

using statuses = std::map<int, std::uint64_t>;
using hosts = std::unordered_map<std::string, std::uint64_t>;

struct totals {
  std::uint64_t by_status = 0, by_host = 0, hosts = 0, not_found = 0;
};

class counter {
public:
  counter() {
    for (auto &table : hosts_)
      table = boc::make_cown<hosts>();
  }

  void count(std::istream &file) {
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
      lines.push_back(line);
      if (lines.size() == lines_in_block)
        count(std::exchange(lines, {}));
    }
    count(std::move(lines));
  }

  // Adds up what was counted until now, and waits for it.
  totals finish() {
    auto sum = boc::make_cown<totals>();
    runtime_.when(sum, boc::read(statuses_)) << [](totals &into, const statuses &from) {
      for (const auto &[status, count] : from) {
        std::cout << "status " << status << ": " << count << "\n";
        into.by_status += count;
        into.not_found += status == 404 ? count : 0;
      }
    };
    for (const auto &table : hosts_)
      runtime_.when(sum, boc::read(table)) << [](totals &into, const hosts &from) {
        into.hosts += from.size();
        for (const auto &each : from)
          into.by_host += each.second;
      };
    totals result;
    runtime_.when(boc::read(sum)) << [&](const totals &done) { result = done; };
    runtime_.quiesce();
    return result;
  }

private:
  void count(std::vector<std::string> lines) {
    auto text = boc::make_cown<block>(block{std::move(lines), {}});
    runtime_.when(text) << [](block &here) { here.parse(); };
    runtime_.when(statuses_, boc::read(text)) << [](statuses &into, const block &from) {
      for (const hit &each : from.hits)
        into[each.status]++;
    };
    for (std::size_t mine = 0; mine < tables; mine++)
      runtime_.when(hosts_[mine], boc::read(text))
          << [mine](hosts &into, const block &from) {
               for (const hit &each : from.hits)
                 if (std::hash<std::string_view>{}(each.host) % tables == mine)
                   into[std::string(each.host)]++;
             };
  }

  boc::cown<statuses> statuses_ = boc::make_cown<statuses>();
  std::array<boc::cown<hosts>, tables> hosts_;
  boc::runtime runtime_; // declared last: the first to end
};

static void write_sample() {
  std::ofstream file(sample);
  for (unsigned i = 0; i < sample_lines; i++)
    file << "host" << i % sample_hosts << ".example - - [01/Jan/2025:00:00:00 +0000] "
         << "\"GET /" << i << " HTTP/1.1\" " << (i % 10 ? 200 : 404) << " 512\n";
}

static bool is_right(const totals &sum, bool of_sample) {
  if (sum.by_status != sum.by_host)
    return false;
  return !of_sample || (sum.by_host == sample_lines && sum.hosts == sample_hosts &&
                        sum.not_found == sample_lines / 10);
}

int main(int count, char **arguments) {
  std::vector<std::string> paths(arguments + 1, arguments + count);
  const bool of_sample = paths.empty();
  if (of_sample) {
    write_sample();
    paths.push_back(sample);
  }
  counter all;
  for (const auto &path : paths) {
    std::ifstream file(path);
    if (!file) {
      std::cerr << path << ": cannot be opened\n";
      return 1;
    }
    all.count(file);
  }
  const totals sum = all.finish();
  if (of_sample)
    std::remove(sample);
  std::cout << sum.by_host << " hits from " << sum.hosts << " hosts\n";
  return is_right(sum, of_sample) ? 0 : 1;
}
