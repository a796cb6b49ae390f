// The half of health that is about sessions: chains of locks, long transactions, what holds vacuum
// up, connections against their limits.
#pragma once

#include "diagnose/health.hpp"

namespace pgkeel::diagnose {

void judge_locks(const HealthCase& the_case, std::vector<HealthLine>& lines);
void judge_transactions(const HealthCase& the_case, std::vector<HealthLine>& lines);
void judge_vacuum(const HealthCase& the_case, std::vector<HealthLine>& lines);
void judge_connections(const HealthCase& the_case, std::vector<HealthLine>& lines);

}  // namespace pgkeel::diagnose
