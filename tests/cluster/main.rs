//! What only real processes can show: the demo, bad input at both ports, starts that must fail, clocks that are off,
//! validators that are away, members that come and go, disks that are full, and kills at any instant. One network at a time: side by side they would
//! take each other's time.

mod absence;
mod clients;
mod clock;
mod demo;
mod disk;
mod kills;
mod membership;
mod peers;
mod start_up;
mod subscriber;
mod support;
