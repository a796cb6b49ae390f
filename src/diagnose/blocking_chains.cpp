// Chains of waiting sessions; see health.hpp.
#include <algorithm>
#include <map>
#include <set>

#include "diagnose/health.hpp"

namespace pgkeel::diagnose {
namespace {

using sense::HealthSession;

/// Who waits for a pid, the smallest first.
using Waiters = std::multimap<pid_t, const HealthSession*>;

const HealthSession* session_of(const std::vector<HealthSession>& sessions, pid_t pid) {
  const auto found = std::ranges::find(sessions, pid, &HealthSession::pid);
  return found == sessions.end() ? nullptr : &*found;
}

bool waits(const HealthSession* session) {
  return session != nullptr && !session->blockers.empty();
}

void follow(pid_t pid, int depth, const std::vector<HealthSession>& sessions,
            const Waiters& waiters, std::set<pid_t>& told, BlockingChain& chain) {
  if (!told.insert(pid).second) return;
  chain.push_back({pid, depth, session_of(sessions, pid)});
  const auto [first, last] = waiters.equal_range(pid);
  for (auto at = first; at != last; ++at)
    follow(at->second->pid, depth + 1, sessions, waiters, told, chain);
}

}  // namespace

std::vector<BlockingChain> blocking_chains(const std::vector<HealthSession>& sessions) {
  Waiters waiters;
  std::set<pid_t> roots;
  std::set<pid_t> in_circles;
  for (const auto& session : sessions)
    for (const auto blocker : session.blockers) {
      waiters.emplace(blocker, &session);
      const bool is_root = !waits(session_of(sessions, blocker));
      (is_root ? roots : in_circles).insert(blocker);
    }
  std::vector<BlockingChain> chains;
  std::set<pid_t> told;
  const auto begin_at = [&](pid_t pid) {
    BlockingChain chain;
    follow(pid, 0, sessions, waiters, told, chain);
    if (chain.size() > 1) chains.push_back(std::move(chain));
  };
  for (const auto root : roots) begin_at(root);
  for (const auto pid : in_circles) begin_at(pid);
  std::ranges::sort(chains, [](const BlockingChain& a, const BlockingChain& b) {
    return a.size() != b.size() ? a.size() > b.size() : a.front().pid < b.front().pid;
  });
  return chains;
}

}  // namespace pgkeel::diagnose
