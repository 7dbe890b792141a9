/* The dining philosophers in C++: a fork is a cown, a meal a behavior over two of them.
 *
 * A body schedules the next meal itself, with boc::when, and captures what that needs.
 *
 *   c++ -std=c++17 dining.cpp $(pkg-config --cflags --libs boc) -o dining && ./dining
 */
#include <boc/boc.hpp>

#include <array>
#include <iostream>
#include <utility>

constexpr std::size_t philosophers = 5;
constexpr int meals = 20000;

struct utensil {
  int used = 0;
};

struct philosopher {
  boc::cown<utensil> left, right;
  int hungry = meals; // meals still to come
};

static void eat(philosopher guest) {
  if (guest.hungry-- == 0)
    return;
  auto left = guest.left, right = guest.right;
  boc::when(left, right) <<
      [guest = std::move(guest)](utensil &one, utensil &other) mutable {
        one.used++;
        other.used++;
        eat(std::move(guest));
      };
}

int main() {
  std::array<boc::cown<utensil>, philosophers> forks;
  for (auto &each : forks)
    each = boc::make_cown<utensil>();

  boc::runtime room;
  for (std::size_t i = 0; i < philosophers; i++)
    room.when() <<
        [guest = philosopher{forks[i], forks[(i + 1) % philosophers]}] { eat(guest); };
  room.quiesce();

  auto wrong = boc::make_cown<int>(0);
  for (auto &each : forks)
    room.when(wrong, boc::read(each))
        << [](int &count, const utensil &fork) { count += fork.used != 2 * meals; };
  int result = -1;
  room.when(boc::read(wrong)) << [&result](const int &count) { result = count; };
  room.quiesce();
  std::cout << forks.size() - static_cast<std::size_t>(result)
            << " forks were used in all meals\n";
  return result == 0 ? 0 : 1;
}
