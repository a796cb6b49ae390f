// See protection_keeper.hpp.
#include "app/guard/protection_keeper.hpp"

#include "base/log.hpp"

namespace pgkeel::app {
namespace {

constexpr Seconds kFirstLook{10};
constexpr Seconds kLookEvery{600};  // a short session in each database
constexpr std::size_t kDatabasesMax = 50;

}  // namespace

std::vector<std::string> ProtectionKeeper::databases() const {
  auto names = config_.instance.databases;
  if (names.empty())
    for (const auto& database : senses_.observation().catalog.databases)
      names.push_back(database.name);
  if (names.size() > kDatabasesMax) names.resize(kDatabasesMax);
  return names;
}

// What cannot be asked now is left as it was known.
runtime::Task<void> ProtectionKeeper::look() {
  const maintain::ServerAccess access{&loop_, senses_.conninfo(), connect_as_};
  std::vector<maintain::Protection> found;
  for (const auto& database : databases()) {
    auto one = co_await maintain::look_at_protection(&access, database);
    if (!one) co_return;
    found.push_back(std::move(*one));
  }
  found_ = std::move(found);
}

runtime::Task<void> ProtectionKeeper::run() {
  auto pause = kFirstLook;
  while (true) {
    static_cast<void>(co_await asked_.wait_until(loop_.after(pause)));
    if (senses_.observation().healthy()) co_await look();
    pause = found_.empty() ? kFirstLook : kLookEvery;
  }
}

}  // namespace pgkeel::app
