use super::*;
use crate::edit::apply;

fn defaulted(mut instrumentation: Value) -> Value {
    let edits = missing(&instrumentation, &Settings::default());
    apply(&mut instrumentation, &edits);
    instrumentation
}

#[test]
fn fills_an_object_without_spec() {
    let object = defaulted(json!({"metadata": {"name": "a"}}));
    assert_eq!(object["spec"]["python"]["image"], Settings::default_image(Language::Python));
    assert_eq!(
        object["spec"]["nodejs"]["resourceRequirements"]["requests"],
        json!({"cpu": "50m", "memory": "128Mi"})
    );
    assert_eq!(object["spec"]["java"]["resources"]["limits"], json!({"cpu": "500m", "memory": "256Mi"}));
    assert_eq!(object["spec"]["apacheHttpd"]["configPath"], "/usr/local/apache2/conf");
    assert_eq!(
        object["metadata"]["labels"],
        json!({"app.kubernetes.io/managed-by": "opentelemetry-operator"})
    );
    assert!(object["metadata"]["annotations"][DEFAULTED].as_str().unwrap().contains("/spec/python/image,"));
    assert_eq!(
        object["metadata"]["annotations"][Language::Java.default_image_key()],
        Settings::default_image(Language::Java)
    );
}

#[test]
fn writes_only_absent_fields_and_nothing_the_second_time() {
    let python =
        json!({"image": "mine", "resourceRequirements": {"limits": {"memory": "32Mi"}, "requests": {}}});
    let once =
        defaulted(json!({"metadata": {"labels": {"a": "b"}}, "spec": {"python": python, "java": null}}));
    assert_eq!(once["spec"]["python"], python);
    assert_eq!(once["metadata"]["labels"]["a"], "b");
    assert!(!once["metadata"]["annotations"][DEFAULTED].as_str().unwrap().contains("python"));
    assert_eq!(missing(&once, &Settings::default()), []);
}
