// How the room above tells this one what happens. Incidents come with their own columns only; what
// is made of them (who hears of it, when, how often) is decided here.
#pragma once

#include <string_view>

#include "incident/model.hpp"

namespace pgkeel::notify {

class IncidentListener {
 public:
  virtual ~IncidentListener() = default;
  /// After the change is in the journal. `note` says more in words: what is waited for, how it
  /// ended. Never blocks, never fails; the same news twice is one piece of news.
  virtual void incident_changed(const incident::Incident& incident, std::string_view note) = 0;
};

}  // namespace pgkeel::notify
