// One session with the admin console: what is typed is parsed, done or shown, and answered in the
// simple protocol, which is what psql and the exporters speak. Pure: what is shown and done is
// asked of a ConsoleHost. It guarantees: bounded; whatever is said is answered, in order, an
// extended protocol's batch with one error and its ReadyForQuery; an act that takes its time is
// taken back when the session ends before it is over.
#pragma once

#include <functional>
#include <memory>

#include "gateway/admin/answers.hpp"
#include "pg/wire/message_reader.hpp"

namespace pgkeel::gateway::admin {

/// Who knows what is to be shown, and can do what is asked.
class ConsoleHost {
 public:
  /// What the topic shows; valid until the next call.
  [[nodiscard]] virtual Snapshots show(Topic topic) = 0;
  /// One that takes its time. Destroyed before it is over it is taken back.
  class Act {
   public:
    virtual ~Act() = default;
  };
  using Tell = std::function<void(Result<void>)>;
  /// Does it, or says why not; everything but Show. Null: it is done. Else it is under way, and
  /// `tell` is called once when it is over, never from within this call.
  [[nodiscard]] virtual Result<std::unique_ptr<Act>> act(const Command& command, Tell tell) = 0;

 protected:
  ~ConsoleHost() = default;
};

class Console {
 public:
  /// Of a command: the longest has two words.
  static constexpr std::size_t kCommandBytesMost = 4096;

  /// `over`: what an act that takes its time ends with, which has to come to acted().
  Console(ConsoleHost& host, ConsoleHost::Tell over)
      : host_(host),
        over_(std::move(over)),
        reader_(pg::wire::Sender::Frontend, kCommandBytesMost) {}

  enum class Step : std::uint8_t { Done, Left };
  /// What was said; the answers are appended. While an act is under way it is kept. Malformed;
  /// Refused: it is more than is kept.
  [[nodiscard]] Result<Step> take(ByteSpan bytes, ByteBuffer& out);
  [[nodiscard]] bool acting() const { return act_ != nullptr; }
  /// The act that is under way has come to this, or is to: one that is not over is taken back. As
  /// take() with what was said meanwhile.
  [[nodiscard]] Result<Step> acted(const Result<void>& how, ByteBuffer& out);

 private:
  [[nodiscard]] Result<Step> go_on(ByteBuffer& out);
  void answer(std::string_view text, ByteBuffer& out);
  void answer_act(const Result<void>& how, ByteBuffer& out);
  void ready(ByteBuffer& out);

  ConsoleHost& host_;
  ConsoleHost::Tell over_;
  std::unique_ptr<ConsoleHost::Act> act_;  ///< under way
  Verb verb_ = Verb::Show;                 ///< of the last act
  pg::wire::MessageReader reader_;
  bool skipping_ = false;  ///< an extended batch, until its Sync
};

}  // namespace pgkeel::gateway::admin
