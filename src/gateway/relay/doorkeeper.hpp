// Who has not proven itself yet, counted by address, and what wrong passwords cost the address they
// come from. Bookkeeping alone: no descriptor and no clock, the time is given.
// It guarantees: it holds a bounded number of addresses; nobody has more than its share of the
// connections that wait to prove themselves; an address that guesses waits ever longer for its
// answers, and no other does. It refuses to know anybody who is in.
#pragma once

#include <array>
#include <list>
#include <string>
#include <unordered_map>

#include "base/time.hpp"
#include "gateway/relay/settings.hpp"

namespace pgkeel::gateway {

class Doorkeeper {
 public:
  /// Addresses whose wrong passwords are remembered: the one that failed longest ago goes.
  static constexpr std::size_t kAddressesMost = 10'000;
  static constexpr Millis kWithin{60'000};  ///< what is older is forgiven
  static constexpr std::size_t kFree = 10;  ///< wrong passwords in that time: people mistype
  static constexpr std::size_t kSecondsMost = 10;

  /// Another connection comes from `address`. Refused: it is one too many.
  enum class Entry : std::uint8_t { Admitted, Refused };
  [[nodiscard]] Entry arrived(const std::string& address, const DoorLimits& limits);
  /// One that was admitted has proven itself, or is gone.
  void passed(const std::string& address);
  /// One that was admitted waits for us: whether it is counted no more.
  [[nodiscard]] bool stepped_aside(const std::string& address, const DoorLimits& limits);
  /// One that stepped aside has to prove itself now: counted, whatever the limits are.
  void returned(const std::string& address);
  /// A wrong password: how long its answer has to wait.
  [[nodiscard]] Seconds failed(const std::string& address, SteadyTime now);
  /// A right one: what was wrong before is forgiven.
  void succeeded(const std::string& address);

  [[nodiscard]] std::size_t unproven() const { return unproven_; }
  [[nodiscard]] std::size_t aside() const { return aside_; }
  [[nodiscard]] std::size_t remembered() const { return failures_.size(); }

 private:
  /// The last failures of an address, as many as make a difference, in a ring.
  struct Failures {
    std::string address;
    std::array<SteadyTime, kFree + kSecondsMost> at;
    std::size_t count = 0;
  };
  using Place = std::list<Failures>::iterator;
  [[nodiscard]] Failures& failures_of(const std::string& address);

  /// Connections by address; those without any are not in it.
  using Counts = std::unordered_map<std::string, std::size_t>;
  static void take_one(Counts& counts, const std::string& address);

  std::size_t unproven_ = 0;
  Counts unproven_of_;
  std::size_t aside_ = 0;
  Counts aside_of_;
  std::list<Failures> by_age_;  ///< who failed last is the last
  std::unordered_map<std::string, Place> failures_;
};

}  // namespace pgkeel::gateway
