// The parts of a Loop, for the room's own files that wait on it. Members are declared so that the
// pool is joined before anything it could fire is gone.
#pragma once

#include "runtime/blocking_pool.hpp"
#include "runtime/list_hook.hpp"
#include "runtime/loop.hpp"
#include "runtime/reactor.hpp"

namespace pgkeel::runtime {

struct Loop::State {
  detail::Reactor reactor;
  detail::ListHook spawned;
  detail::BlockingPool pool{reactor};
};

}  // namespace pgkeel::runtime
