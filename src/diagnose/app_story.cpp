// See app_story.hpp.
#include "diagnose/app_story.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace pgkeel::diagnose {
namespace {

using sense::AppEvent;
using sense::AppTrouble;

// Clocks of two programs, and a buffer between.
constexpr Seconds kSameMoment{2};

const incident::Incident* incident_of(const AppEvent& event,
                                      const std::vector<incident::Incident>& incidents) {
  if (!event.at) return nullptr;
  const auto spans = [&event](const incident::Incident& one) {
    const auto end = one.closed_at ? *one.closed_at : *event.at;
    const auto recovered = one.recovered ? one.opened_at + *one.recovered : end;
    return *event.at >= one.opened_at - kAppBefore &&
           *event.at <= std::min(end, recovered) + kAppAfter;
  };
  const auto found = std::ranges::find_if(incidents, spans);
  return found == incidents.end() ? nullptr : &*found;
}

// The rule of K53: both logs, the same second. Only where the server's log reaches so far back.
bool server_says_nothing(const AppEvent& event, const sense::LogHistory& server) {
  if (!event.at || !server.unavailable.empty() || !server.begins || *server.begins > *event.at)
    return false;
  return std::ranges::none_of(server.events, [&event](const sense::LogEvent& one) {
    return one.at && *one.at >= *event.at - kSameMoment && *one.at <= *event.at + kSameMoment;
  });
}

std::string_view sentence_of(AppTrouble trouble) {
  switch (trouble) {
    case AppTrouble::Refused: return "nobody listened where it connected";
    case AppTrouble::UnknownHost:
      return "the server's name did not resolve: its container was gone, or the network was made "
             "anew";
    case AppTrouble::Closed: return "its connection was closed under it";
    case AppTrouble::TooMany: return "no connection was left for it, in the server or in its pool";
    case AppTrouble::MissingRelation: return "a table it uses did not exist";
    case AppTrouble::MissingDatabase: return "its database did not exist";
    case AppTrouble::Login: return "it was not let in: password or pg_hba.conf";
    case AppTrouble::Tls: return "TLS did not come about: certificate, or a server without it";
    case AppTrouble::Timeout: return "it waited longer than it was willing to";
    case AppTrouble::Deadlock: return "two of its transactions waited for each other";
    case AppTrouble::NotReady: return "the server was starting or stopping";
    case AppTrouble::ReadOnly: return "it wrote where only reading is possible";
    case AppTrouble::NoSpace: break;
  }
  return "there was no room on a disk or in /dev/shm";
}

void add(AppStory& story, const AppEvent& event) {
  if (story.times++ == 0) story.text = event.text;
  if (!event.at) return;
  if (!story.first || *event.at < *story.first) story.first = event.at;
  if (!story.last || *event.at > *story.last) story.last = event.at;
}

}  // namespace

std::vector<AppStory> tell_app(std::span<const sense::AppLog> logs,
                               const std::vector<incident::Incident>& incidents,
                               const sense::LogHistory& server) {
  std::map<std::tuple<std::string, AppTrouble, std::string, bool>, AppStory> stories;
  for (const auto& log : logs)
    for (const auto& event : log.events) {
      const auto* incident = incident_of(event, incidents);
      const auto id = incident == nullptr ? std::string() : incident->id;
      const bool alone = event.trouble == AppTrouble::Closed && server_says_nothing(event, server);
      auto& story = stories[{log.path, event.trouble, id, alone}];
      story.path = log.path;
      story.trouble = event.trouble;
      story.incident = id;
      story.sentence = sentence_of(event.trouble);
      if (alone)
        story.sentence +=
            ", and the server's log says nothing of it: something between them did (proxy, NAT, "
            "failover)";
      add(story, event);
    }
  std::vector<AppStory> told;
  for (auto& [key, story] : stories) told.push_back(std::move(story));
  std::ranges::sort(told, [](const AppStory& a, const AppStory& b) {
    if (a.incident.empty() != b.incident.empty()) return a.incident.empty();
    if (a.last != b.last) return a.last > b.last;
    return std::tie(a.path, a.trouble, a.sentence) < std::tie(b.path, b.trouble, b.sentence);
  });
  return told;
}

}  // namespace pgkeel::diagnose
