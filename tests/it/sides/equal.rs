//! What all sides show, side by side, and each provider's own truth about what is there twice.

use tandem_tests::agenda::{MICROSOFT_MARK, local, seen_by};
use tandem_tests::person::Person;
use tandem_tests::person::google::GooglePerson;
use tandem_tests::person::microsoft::OutlookPerson;
use tandem_tests::world::{ACCOUNT, BEGINNING_MS, OUTLOOK, REPLICA, World};

const DAY_MS: i64 = 86_400_000;
/// What [`local`] looks at.
const WINDOW: (i64, i64) = (BEGINNING_MS - 60 * DAY_MS, BEGINNING_MS + 300 * DAY_MS);
/// Assert that all sides show the same, that nothing is there twice, that nothing waits or was set aside, and that
/// nobody got mail.
pub(crate) fn assert_equal(world: &mut World, when: &str) {
    let here = local(world);
    let mut people: Vec<(&str, Box<dyn Person>)> = Vec::new();
    if world.memory.replicas.contains_key(REPLICA) {
        people.push(("Google", Box::new(GooglePerson::new(&world.google))));
    }
    if world.memory.replicas.contains_key(OUTLOOK) {
        people.push(("Outlook", Box::new(OutlookPerson::new(&world.microsoft))));
    }
    for (side, person) in people {
        let there = seen_by(person.as_ref(), WINDOW);
        assert_eq!(
            here,
            there,
            "{when}: the application (left) and {side} (right) differ\n{:#?}",
            world.microsoft.log()
        );
        assert_eq!(world.local().len(), person.series(), "{when}: events at {side}");
        assert_eq!(person.mails(), 0, "{when}: nobody asked {side} for mail");
    }
    let twice = world.google.duplicates_by_property(ACCOUNT, "tandem");
    assert!(twice.is_empty(), "{when}: created twice at Google: {twice:?}");
    let twice = [world.microsoft.duplicates_by_property(ACCOUNT, MICROSOFT_MARK), world.microsoft.duplicates(ACCOUNT)];
    assert!(twice.concat().is_empty(), "{when}: twice at Outlook: {twice:?}");
    assert!(world.memory.queue.is_empty(), "{when}: still queued: {:?}", world.memory.queue);
    assert!(world.memory.failures.is_empty(), "{when}: set aside: {:?}", world.memory.failures);
}
