//! Flash wears: what a day of tokens that live an hour costs in writes.

use crate::common::World;
use crate::common::directory::Directory;
use crate::trace::{self, Watched};
use crate::worker::Job;
use keyfob_simulator::Cloud;

#[test]
fn a_day_of_one_hour_tokens_costs_one_small_write_each() {
    if !trace::permitted() {
        return;
    }
    for cloud in [Cloud::IotConnect, Cloud::Simacan] {
        let (world, directory) = (World::new(), Directory::new("flash"));
        Job::new("token", &world, cloud, &directory).with("wound_s", 0).start().finish();
        let record = directory.record();
        let stem = record.file_stem().unwrap().to_str().unwrap();
        std::fs::remove_file(&record).unwrap();
        world.sim.clear_journal();

        let job = Job::new("day", &world, cloud, &directory).with("wound_s", 0);
        let (trace, said) = Watched { job, directory: &directory, stem }.trace();
        assert_eq!(said, ["done"]);
        let of = |name: &str| trace.iter().filter(|line| line.starts_with(name)).count();
        let written = |line: &&String| line.starts_with("write(");
        let bytes = |line: &String| line.rsplit_once(" = ").unwrap().1.parse::<usize>().unwrap();
        let total: usize = trace.iter().filter(written).map(bytes).sum();
        let tokens = world.sim.count(cloud, "login") + world.sim.count(cloud, "refresh");
        println!(
            "{}: {tokens} tokens in a day of one-hour tokens: {} writes of {total} bytes in all, \
             {} files and {} times the directory made durable; the record has {} bytes",
            cloud.name(),
            of("write("),
            of("renameat("),
            of("fsync(") - of("renameat("),
            std::fs::metadata(&record).unwrap().len(),
        );
        assert_eq!((of("write("), of("renameat("), of("fsync(")), (tokens, tokens, 2 * tokens));
        assert!(total < tokens * 4096, "{total} bytes for {tokens} tokens: a block each");
    }
}
