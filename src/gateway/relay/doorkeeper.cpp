// See doorkeeper.hpp.
#include "gateway/relay/doorkeeper.hpp"

#include <algorithm>
#include <span>

#include "base/check.hpp"

namespace pgkeel::gateway {

Doorkeeper::Entry Doorkeeper::arrived(const std::string& address, const DoorLimits& limits) {
  const auto found = unproven_of_.find(address);
  const auto here = found == unproven_of_.end() ? 0 : found->second;
  if (unproven_ >= limits.unproven_most || here >= limits.of_address_most) return Entry::Refused;
  ++unproven_of_[address];
  ++unproven_;
  return Entry::Admitted;
}

void Doorkeeper::take_one(Counts& counts, const std::string& address) {
  const auto found = counts.find(address);
  CHECK(found != counts.end());
  if (--found->second == 0) counts.erase(found);
}

bool Doorkeeper::stepped_aside(const std::string& address, const DoorLimits& limits) {
  auto& here = aside_of_[address];
  if (here >= limits.aside_of_address_most) return false;
  ++here;
  ++aside_;
  passed(address);
  return true;
}

void Doorkeeper::returned(const std::string& address) {
  take_one(aside_of_, address);
  --aside_;
  ++unproven_of_[address];
  ++unproven_;
}

void Doorkeeper::passed(const std::string& address) {
  take_one(unproven_of_, address);
  --unproven_;
}

Seconds Doorkeeper::failed(const std::string& address, SteadyTime now) {
  auto& failures = failures_of(address);
  failures.at[failures.count++ % failures.at.size()] = now;
  const auto known = std::min(failures.count, failures.at.size());
  const auto recent = std::ranges::count_if(std::span(failures.at).first(known),
                                            [&](SteadyTime at) { return at > now - kWithin; });
  return Seconds(std::max<std::ptrdiff_t>(recent - std::ptrdiff_t{kFree}, 0));
}

Doorkeeper::Failures& Doorkeeper::failures_of(const std::string& address) {
  const auto found = failures_.find(address);
  if (found != failures_.end()) {
    by_age_.splice(by_age_.end(), by_age_, found->second);
    return *found->second;
  }
  if (failures_.size() >= kAddressesMost) {
    failures_.erase(by_age_.front().address);
    by_age_.pop_front();
  }
  by_age_.push_back({.address = address, .at = {}});
  failures_[address] = std::prev(by_age_.end());
  return by_age_.back();
}

void Doorkeeper::succeeded(const std::string& address) {
  const auto found = failures_.find(address);
  if (found == failures_.end()) return;
  by_age_.erase(found->second);
  failures_.erase(found);
}

}  // namespace pgkeel::gateway
