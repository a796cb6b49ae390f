// See trouble.hpp.
#include "diagnose/trouble.hpp"

#include <algorithm>
#include <array>

#include "diagnose/case.hpp"

namespace pgkeel::diagnose {

std::vector<const Trouble*> told_within(const Case& the_case, Seconds within,
                                        std::initializer_list<pg::Signature> signatures) {
  std::vector<const Trouble*> told;
  for (const auto& trouble : the_case.seen.log_watch.trouble)
    if (std::ranges::find(signatures, trouble.event.signature) != signatures.end() &&
        the_case.now - trouble.at < within)
      told.push_back(&trouble);
  return told;
}

std::string relation_file(std::string_view message) {
  constexpr auto kRoots = std::to_array<std::string_view>({"base/", "global/", "pg_tblspc/"});
  for (const auto root : kRoots) {
    const auto at = message.find(root);
    if (at == std::string_view::npos) continue;
    const auto rest = message.substr(at);
    return std::string(rest.substr(0, rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz"
                                                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                             "0123456789_/.")));
  }
  return {};
}

std::string quoted_name(std::string_view message) {
  const auto begin = message.find('"');
  if (begin == std::string_view::npos) return {};
  const auto end = message.find('"', begin + 1);
  if (end == std::string_view::npos) return {};
  return std::string(message.substr(begin + 1, end - begin - 1));
}

incident::Evidence log_evidence(const Case& the_case, const Trouble& trouble) {
  const auto& event = trouble.event;
  return evidence(the_case, "server_log",
                  (event.at ? to_iso8601(*event.at) + ": " : std::string()) + event.text);
}

}  // namespace pgkeel::diagnose
