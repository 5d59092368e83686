import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.sdk.autoconfigure.spi.AutoConfigurationCustomizer;
import io.opentelemetry.sdk.autoconfigure.spi.AutoConfigurationCustomizerProvider;
import io.opentelemetry.sdk.resources.Resource;

/** An extension of the agent that shows itself: an attribute of the resource of everything that is sent. */
public final class Extension implements AutoConfigurationCustomizerProvider {
    @Override
    public void customize(AutoConfigurationCustomizer agent) {
        Attributes loaded = Attributes.of(AttributeKey.stringKey("ingraft.extension"), "loaded");
        agent.addResourceCustomizer((resource, properties) -> resource.merge(Resource.create(loaded)));
    }
}
