// See exchange.hpp.
#include "gateway/session/exchange.hpp"

#include <fmt/format.h>

namespace pgkeel::gateway {
namespace {

namespace backend = pg::wire::backend;

// What is answered is forgotten so many at a time, so that not every answer moves what is behind
// it.
constexpr std::size_t kAnsweredKept = 1024;

bool ends_with_ready(Request request) {
  return request == Request::Query || request == Request::FunctionCall || request == Request::Sync;
}
// What is asked by the others belongs to a batch, which ends with a Sync.
bool in_batch(Request request) { return !ends_with_ready(request); }
bool runs(Request request) { return request == Request::Query || request == Request::Execute; }

}  // namespace

bool Exchange::request(Expected expected) {
  if (expected.request == Request::Sync) {
    if (copying_in_) return false;
    skipping_ = false;
    batch_ = false;
  } else if (expected.request == Request::CopyEnd) {
    copying_in_ = false;
    if (quiet() || skipping_) return false;  // of a COPY that is over
  } else if (skipping_) {
    return false;
  } else {
    batch_ = in_batch(expected.request);
  }
  owed_.push_back(std::move(expected));
  return true;
}

Expected* Exchange::front() { return first_ < owed_.size() ? &owed_[first_] : nullptr; }

// An end of COPY behind what is answered: the server had taken it, or ignores it.
void Exchange::pop() {
  owed_[first_].statement.reset();
  do ++first_;
  while (first_ < owed_.size() && owed_[first_].request == Request::CopyEnd);
  if (first_ < owed_.size() && first_ < kAnsweredKept) return;
  owed_.erase(owed_.begin(), owed_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
}

std::optional<Request> Exchange::take_ours() {
  const auto* next = front();
  if (next == nullptr || next->answer != Answer::FromUs) return std::nullopt;
  const auto request = next->request;
  pop();
  return request;
}

Result<Answer> Exchange::belongs(bool is, char type) {
  if (!is || front() == nullptr) [[unlikely]]
    return fail(ErrorCode::Malformed,
                fmt::format("a message of type '{}' from the server that nobody asked for", type));
  return front()->answer;
}

Result<Answer> Exchange::finishes(bool is, char type) {
  TRY(answer, belongs(is, type));
  if (owed_[first_].statement || !owed_[first_].name.empty()) completed_ = std::move(owed_[first_]);
  pop();
  return answer;
}

Result<Answer> Exchange::reply(char type) {
  undone_.clear();
  completed_.reset();
  const auto* next = front();
  const auto asked = [&](Request request) { return next != nullptr && next->request == request; };
  const auto any = [&](bool (*of)(Request)) { return next != nullptr && of(next->request); };
  switch (type) {
    case backend::DataRow::kType:
    case 'd':
    case 'c': return belongs(any(runs), type);
    case backend::ReadyForQuery::kType: return finishes(any(ends_with_ready), type);
    case backend::RowDescription::kType:
      return asked(Request::Query) ? belongs(true, type) : finishes(asked(Request::Describe), type);
    case backend::CommandComplete::kType:
    case backend::EmptyQueryResponse::kType:
      return asked(Request::Query) ? belongs(true, type) : finishes(asked(Request::Execute), type);
    case backend::ParseComplete::kType: return finishes(asked(Request::Parse), type);
    case backend::BindComplete::kType: return finishes(asked(Request::Bind), type);
    case backend::CloseComplete::kType: return finishes(asked(Request::Close), type);
    case backend::ParameterDescription::kType: return belongs(asked(Request::Describe), type);
    case backend::NoData::kType: return finishes(asked(Request::Describe), type);
    case backend::PortalSuspended::kType: return finishes(asked(Request::Execute), type);
    case backend::FunctionCallResponse::kType: return belongs(asked(Request::FunctionCall), type);
    case static_cast<char>(backend::CopyDirection::In):
      if (any(runs)) copy_in_begins();
      return belongs(any(runs), type);
    case static_cast<char>(backend::CopyDirection::Out):
    case static_cast<char>(backend::CopyDirection::Both): return belongs(any(runs), type);
    case backend::kErrorResponse: return failed();
    case backend::kNoticeResponse:
    case backend::NotificationResponse::kType:
    case backend::ParameterStatus::kType: return next == nullptr ? Answer::Clients : next->answer;
    default: return belongs(false, type);
  }
}

// What was pipelined behind the COPY is read by the server as part of it: Sync is ignored.
void Exchange::copy_in_begins() {
  copying_in_ = true;
  auto next = first_ + 1;
  while (next < owed_.size() && owed_[next].request == Request::Sync)
    owed_.erase(owed_.begin() + static_cast<std::ptrdiff_t>(next));
  if (next < owed_.size()) copying_in_ = false;  // it ends in what is on its way
  if (copying_in_ && owed_[first_].request == Request::Execute) batch_ = true;
}

Answer Exchange::failed() {
  const auto* next = front();
  copying_in_ = false;
  if (next == nullptr) return Answer::Clients;  // what ends a session is told at any time
  if (ends_with_ready(next->request)) {
    if (next->statement) undone_.push_back(*next);
    return next->answer;
  }
  while (first_ < owed_.size() && owed_[first_].request != Request::Sync) {
    undone_.push_back(owed_[first_]);
    pop();
  }
  skipping_ = first_ == owed_.size();
  return Answer::Clients;  // also of a request of ours: the client's own depended on it
}

}  // namespace pgkeel::gateway
