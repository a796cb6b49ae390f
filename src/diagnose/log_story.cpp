// See log_story.hpp. Causes first: a consequence may be written before its cause, by another
// process, so every event looks for a cause among all of them.
#include "diagnose/log_story.hpp"

#include <algorithm>

namespace pgkeel::diagnose {
namespace {

using sense::LogEvent;

// Events that may explain others, in the log's order.
std::vector<const LogEvent*> causes_among(const std::vector<LogEvent>& events) {
  std::vector<const LogEvent*> causes;
  for (const auto& event : events)
    if (has_consequences(event.signature)) causes.push_back(&event);
  return causes;
}

// Without times only the order is known.
bool near(const LogEvent& cause, const LogEvent& event) {
  if (!cause.at || !event.at) return &cause < &event;
  return *event.at >= *cause.at - kConsequenceBefore && *event.at <= *cause.at + kConsequenceWithin;
}

// The event nothing else explains, at the end of the chain; itself when nothing does. Ends, because
// no signature explains itself through others (a test of the table says so).
const LogEvent* root_of(const std::vector<const LogEvent*>& causes, const LogEvent& event) {
  const LogEvent* root = &event;
  const auto explains_root = [&root](const LogEvent* cause) {
    return explains(cause->signature, root->signature) && near(*cause, *root);
  };
  for (auto found = std::ranges::find_if(causes, explains_root); found != causes.end();
       found = std::ranges::find_if(causes, explains_root))
    root = *found;
  return root;
}

void add_time(LogStory& story, const LogEvent& event) {
  if (!event.at) return;
  if (!story.first || *event.at < *story.first) story.first = event.at;
  if (!story.last || *event.at > *story.last) story.last = event.at;
}

bool graver(const LogStory& a, const LogStory& b) {
  const auto severity_a = meaning_of(a.signature)->severity;
  const auto severity_b = meaning_of(b.signature)->severity;
  if (severity_a != severity_b) return severity_a > severity_b;
  if (a.last != b.last) return a.last > b.last;
  return a.signature < b.signature;
}

}  // namespace

std::vector<LogStory> tell(std::span<const LogEvent> events) {
  std::vector<LogEvent> meant;
  for (const auto& event : events)
    if (meaning_of(event.signature) != nullptr) meant.push_back(event);
  const auto causes = causes_among(meant);
  std::map<pg::Signature, LogStory> stories;
  for (const auto& event : meant) {
    const auto* root = root_of(causes, event);
    auto& story = stories[root->signature];
    story.signature = root->signature;
    if (root != &event) {
      ++story.brought_along[event.signature];
      continue;
    }
    if (story.times++ == 0) story.text = event.text;
    add_time(story, event);
  }
  std::vector<LogStory> told;
  for (auto& [signature, story] : stories) told.push_back(std::move(story));
  std::ranges::sort(told, graver);
  return told;
}

}  // namespace pgkeel::diagnose
