// See trouble.hpp.
#include "diagnose/trouble.hpp"

#include <algorithm>

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

incident::Evidence log_evidence(const Case& the_case, const Trouble& trouble) {
  const auto& event = trouble.event;
  return evidence(the_case, "server_log",
                  (event.at ? to_iso8601(*event.at) + ": " : std::string()) + event.text);
}

}  // namespace pgkeel::diagnose
